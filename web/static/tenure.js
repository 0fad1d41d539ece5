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

// --- the inbox: keys, the open task without a new page, and news as they come ---

const desk = document.querySelector(".desk");

function dirty(part) {
  return [...part.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);
}

function say(text) {
  const lost = document.getElementById("lost");
  lost.textContent = text;
  lost.hidden = !text;
}

async function read(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (answer.status === 401 || new URL(answer.url).pathname === "/sign-in") {
    say("You are signed out. What you write is kept here: sign in again in another tab, then go on.");
    return null;
  }
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

function swap(page, id) {
  const [old, made] = [document.getElementById(id), page.getElementById(id)];
  if (!old || !made) return;
  old.replaceWith(document.adoptNode(made));
  for (const form of made.querySelectorAll("form[data-draft]")) restore(form);
}

let wanted = 0;

async function show(line) {
  const link = line.querySelector("a");
  for (const other of desk.querySelectorAll(".entry.current")) {
    other.classList.remove("current");
    other.querySelector("a").removeAttribute("aria-current");
  }
  line.classList.add("current");
  link.setAttribute("aria-current", "true");
  link.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  const mine = ++wanted;
  const page = await read(link.href).catch(() => null);
  if (page && mine === wanted) {
    swap(page, "task");
    history.replaceState(null, "", link.href);
  }
}

function step(by) {
  const lines = [...desk.querySelectorAll(".entry")];
  const at = lines.findIndex((line) => line.classList.contains("current"));
  const next = lines[Math.max(0, Math.min(lines.length - 1, at + by))];
  if (next) show(next);
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  Enter: () => (narrow() ? desk.querySelector(".entry.current a")?.click() : document.getElementById("task-title")?.focus()),
  e: () => document.querySelector("#task form.answer [type=radio], #task form.answer textarea")?.focus(),
  s: () => open("#task details[data-key=s]"),
  h: () => document.querySelector("#task form[data-key=h] button")?.click(),
  c: () => document.querySelector("#task form[data-key=c] textarea")?.focus(),
  x: () => desk.querySelector(".entry.current .pick")?.click(),
  z: () => document.querySelector("button[data-key=z]")?.click(),
  "/": () => document.querySelector("[data-key='/']")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
};

function narrow() {
  return getComputedStyle(document.getElementById("task")).display === "none";
}

function open(which) {
  const menu = document.querySelector(which);
  if (!menu) return;
  menu.open = true;
  menu.querySelector("button, select, input:not([type=hidden])")?.focus();
}

function wired() {
  for (const button of document.querySelectorAll(".keys-only")) button.hidden = false;
  const on = document.getElementById("keys-on");
  on.checked = localStorage.getItem("keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dialog]");
    if (button) document.getElementById(button.dataset.dialog).showModal();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
    if (typing && event.key === "Escape") event.target.blur();
    const taken = event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]");
    const onControl = event.key === "Enter" && event.target.closest("button, summary, input, a:not(.entry a)");
    if (taken || onControl || !(event.key in keys) || !on.checked) return;
    event.preventDefault();
    keys[event.key]();
  });
}

// Somebody else's news: the pile is shown anew, the open task only where nobody is writing.
async function renew() {
  const page = await read(location.href).catch(() => null);
  if (!page) return;
  const picked = [...desk.querySelectorAll(".pick:checked")].map((pick) => pick.value);
  const focused = document.activeElement?.closest(".entry")?.dataset.task;
  swap(page, "views");
  swap(page, "pile");
  for (const value of picked) {
    const pick = desk.querySelector(`.pick[value="${value}"]`);
    if (pick) pick.checked = true;
  }
  if (focused) desk.querySelector(`.entry[data-task="${focused}"] a`)?.focus({ preventScroll: true });
  const [old, made] = [document.getElementById("task"), page.getElementById("task")];
  if (old.dataset.version === made.dataset.version) return;
  if (dirty(old)) say("Somebody changed this task while you were writing. What you wrote is kept; look before you send it.");
  else if (!old.contains(document.activeElement)) swap(page, "task");
}

function live() {
  let known = false;
  let due = 0;
  const source = new EventSource(desk.dataset.live);
  const later = () => {
    clearTimeout(due);
    due = setTimeout(renew, 300);
  };
  source.addEventListener("open", () => say(""));
  source.addEventListener("change", () => {
    if (known) later();
    known = true;
    desk.dataset.heard = "yes";
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      say("No news come in any more: load the page again. What you write is kept.");
      read(location.href).catch(() => null);
    } else if (!navigator.onLine) say("The connection is lost. What you write is kept; nothing is sent until it is back.");
  });
  addEventListener("pagehide", () => source.close());
}

// An answer sent into the void would lose its text: without a connection it stays on the page.
function careful(event) {
  if (!navigator.onLine && event.target.method === "post") {
    event.preventDefault();
    say("The connection is lost: nothing was sent. What you wrote is kept here.");
  }
}

if (desk) {
  wired();
  live();
  document.addEventListener("submit", careful);
  for (const form of document.querySelectorAll("form[data-for]")) {
    setTimeout(() => form.remove(), Number(form.dataset.for) * 1000);
  }
}

// --- a picture wider than its place is shown from where it begins: the middle ---

for (const drawing of document.querySelectorAll(".drawing")) {
  drawing.scrollLeft = (drawing.scrollWidth - drawing.clientWidth) / 2;
}
