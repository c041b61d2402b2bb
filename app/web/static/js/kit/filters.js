// Boxes that filter a list of choices: <input type="search" data-filters="id-of-list" hidden>.

export function installFilters(root) {
  for (const box of root.querySelectorAll("[data-filters]")) {
    const list = document.getElementById(box.dataset.filters);
    box.hidden = false;
    box.addEventListener("input", () => filter(list, box.value.trim().toLowerCase()));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // filtering is no sending of the form
    });
  }
}

function filter(list, wanted) {
  for (const choice of list.querySelectorAll(".choice")) {
    choice.hidden = !choice.textContent.toLowerCase().includes(wanted);
  }
}
