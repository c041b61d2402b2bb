// Keyboard shortcuts of the whole screen; a field that is typed into keeps its keys.

import { isDialogOpen } from "./dialogs.js";

function isTypedInto(node) {
  return node.closest("input, textarea, select, [contenteditable]") !== null;
}

/** Calls `handlers[key]` for a key that is pressed alone. */
export function listenForKeys(handlers) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
    const isTyped = isTypedInto(event.target);
    if (isTyped && event.key !== "Escape") return;
    // A button or a link of its own is pressed by these two.
    if ((event.key === "Enter" || event.key === " ") && event.target.closest("button, a, summary")) return;
    const handle = handlers[event.key];
    if (!handle) return;
    event.preventDefault();
    handle(event);
  });
}
