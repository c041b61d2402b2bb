// Questions that need words for an answer, and the help.

const dialog = document.getElementById("ask");
const form = document.getElementById("ask-form");
const field = document.getElementById("ask-text");

/** Asks for a text; resolves to it, or to null when the person changed their mind. */
export function askForText({ title, hint, label, send, most = 2000 }) {
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-hint").textContent = hint ?? "";
  document.getElementById("ask-label").textContent = label;
  document.getElementById("ask-send").textContent = send;
  field.maxLength = most;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "send" ? field.value.trim() : null), { once: true });
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.value.trim()) dialog.close("send");
  else field.focus();
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
document.getElementById("ask-cancel").addEventListener("click", () => dialog.close());

export function showHelp() {
  document.getElementById("help").showModal();
}

export function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
