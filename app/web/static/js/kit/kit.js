// What every page gains with a script: menus that close, copying, filters of lists, progress.
import { installCopying } from "./copy.js";
import { installDisclosures } from "./disclosures.js";
import { installFilters } from "./filters.js";
import { followProgress } from "./progress.js";

installDisclosures(document);
installCopying(document);
installFilters(document);
for (const element of document.querySelectorAll("[data-progress]")) followProgress(element);
for (const element of document.querySelectorAll("[data-focus]")) element.focus();
