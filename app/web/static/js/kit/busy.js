// Long work: once a form that may take a while is sent, its buttons give way to a moving bar that says so.
export function installBusy(root) {
  for (const row of root.querySelectorAll("[data-busy]")) {
    row.closest("form").addEventListener("submit", () => setTimeout(() => show(row), 0));
  }
  // A page that comes back from the browser's memory has finished its work.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const row of root.querySelectorAll(".submit-row.is-busy")) hide(row);
  });
}

function show(row) {
  row.classList.add("is-busy");
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  row.querySelector("[data-busy-note]").hidden = false;
}

function hide(row) {
  row.classList.remove("is-busy");
  for (const button of row.querySelectorAll("button")) button.disabled = false;
  row.querySelector("[data-busy-note]").hidden = true;
}
