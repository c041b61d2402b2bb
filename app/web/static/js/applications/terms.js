// Rows of daily windows: as many as are filled in, and one to begin the next.

const windows = document.getElementById("windows");

function isFilled(row) {
  return [...row.querySelectorAll("input")].some(({ type, value, checked }) => (type === "checkbox" ? checked : value));
}

function show() {
  const rows = [...windows.querySelectorAll("[data-window]")];
  const last = rows.findLastIndex(isFilled);
  rows.forEach((row, place) => { row.hidden = place > last + 1; });
  if (last === rows.length - 1) add(rows.at(-1), rows.length);
}

function add(before, place) {
  const row = before.cloneNode(true);
  for (const part of row.querySelectorAll("[name], [id], [for]")) {
    for (const name of ["name", "id", "for"]) {
      const value = part.getAttribute(name);
      if (value) part.setAttribute(name, value.replace(/^hours\.\d+/, `hours.${place}`));
    }
  }
  for (const problem of row.querySelectorAll(".field-problem")) problem.remove();
  for (const input of row.querySelectorAll("input")) {
    input.removeAttribute("aria-invalid");
    if (input.type === "checkbox") input.checked = false;
    else input.value = "";
  }
  const legend = row.querySelector("legend");
  legend.textContent = legend.textContent.replace(/\d+/, String(place + 1));
  row.hidden = false;
  windows.append(row);
}

windows.addEventListener("input", show);
show();
