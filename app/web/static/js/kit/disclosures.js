// <details> as menus and dialogs: one menu open at a time; Escape, and a click or the focus elsewhere, close it.

export function installDisclosures(root) {
  root.addEventListener("toggle", keepOneOpen, true);
  root.addEventListener("click", closeAsked);
  root.addEventListener("click", closeOthers);
  root.addEventListener("focusin", closeOthers);
  root.addEventListener("keydown", closeOnEscape);
  for (const button of root.querySelectorAll("[data-close]")) button.hidden = false;
}

function openMenus() {
  return document.querySelectorAll("details[data-menu][open]");
}

function keepOneOpen(event) {
  if (!event.target.matches("details[data-menu]") || !event.target.open) return;
  for (const menu of openMenus()) if (menu !== event.target) menu.open = false;
}

function closeAsked(event) {
  const closer = event.target.closest("[data-close]");
  if (closer) close(closer.closest("details"));
}

function closeOthers(event) {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  const inner = event.target.closest?.("details[data-menu][open], details[data-confirm][open]");
  if (inner) close(inner);
  else for (const menu of openMenus()) menu.open = false;
}

function close(details) {
  details.open = false;
  details.querySelector("summary").focus();
}
