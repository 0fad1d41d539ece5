// What makes the pages handier where scripts run; every page works without it.

// --- texts that were being written are kept in this tab until they were taken ---

const kept = (form) => `draft:${form.dataset.draft}`;

function keep(form) {
  const texts = {};
  for (const field of form.querySelectorAll("textarea, input[type=text]")) {
    if (field.value !== field.defaultValue) texts[field.name] = field.value;
  }
  if (Object.keys(texts).length) sessionStorage.setItem(kept(form), JSON.stringify(texts));
  else sessionStorage.removeItem(kept(form));
}

function restore(form) {
  const texts = JSON.parse(sessionStorage.getItem(kept(form)) || "{}");
  for (const [name, text] of Object.entries(texts)) {
    const field = form.elements[name];
    if (field && field.value === field.defaultValue) field.value = text;
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (form) keep(form);
});
for (const form of document.querySelectorAll("form[data-draft]")) restore(form);
for (const done of document.querySelectorAll("[data-taken]")) sessionStorage.removeItem(`draft:${done.dataset.taken}`);

// --- choices that need no further button ---

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-send]")) event.target.form.requestSubmit();
});

// --- menus close when the attention goes elsewhere ---

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
