// Buttons that copy a text: <button data-copy="text" data-copied="Copied" hidden>.
const SHOWN_MS = 2000;

export function installCopying(root) {
  if (!navigator.clipboard) return; // needs HTTPS or localhost: the text can still be selected
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const label = button.querySelector("[data-copy-label]");
  const before = label.textContent;
  if (before === button.dataset.copied) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  label.setAttribute("aria-live", "polite"); // a role of its own would take the name from the button
  label.textContent = button.dataset.copied;
  setTimeout(() => (label.textContent = before), SHOWN_MS);
}
