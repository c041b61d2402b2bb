// What every page gains with a script: menus that close, copying, filters of lists, searches, long work.
import { installBusy } from "./busy.js";
import { installCopying } from "./copy.js";
import { installDisclosures } from "./disclosures.js";
import { installFilters } from "./filters.js";
import { installPickers } from "./picker.js";

installBusy(document);
installDisclosures(document);
installCopying(document);
installFilters(document);
installPickers(document);
for (const element of document.querySelectorAll("[data-focus]")) element.focus();
