/* What pages do beyond what HTML does by itself. Everything works without it; it changes nothing on the server. */
"use strict";

/* Parts of a page that take a moment: asked for once the page stands. */
async function part(place, address) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (answer.status === 401) { location.reload(); return }
    place.innerHTML = await answer.text();  // escaped by the server, as the page itself is
  } catch {
    const said = document.createElement("p");
    said.className = "refused";
    said.textContent = "The server does not answer.";
    place.replaceChildren(said);
  }
  place.setAttribute("aria-busy", "false");
}

for (const place of document.querySelectorAll("[data-part]")) {
  const said = document.createElement("p");
  said.className = "soft";
  said.textContent = place.dataset.wait;
  place.replaceChildren(said);
  place.setAttribute("aria-live", "polite");
  part(place, place.dataset.part);
}

/* Sliders beside the fields, and estimates as they move: one question at a time, only the newest wish waits. */
const form = document.getElementById("weigh");
if (form) {
  const estimates = document.getElementById("estimates-part");
  let waiting, busy = false, again = false;

  const ask = async () => {
    if (busy) { again = true; return }
    busy = true;
    do {
      again = false;
      const asked = new URLSearchParams({ part: "estimates" });
      for (const field of form.querySelectorAll(".number-field")) asked.set(field.name, field.value);
      await part(estimates, `/trade-offs?${asked}`);
    } while (again);
    busy = false;
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(ask, 250) };

  const fill = slider => slider.style.setProperty("--fill", `${100 * (slider.value - slider.min) / (slider.max - slider.min)}%`);
  for (const slider of form.querySelectorAll("input[type=range]")) {
    const field = document.getElementById(slider.dataset.of);
    slider.hidden = false;
    fill(slider);
    slider.addEventListener("input", () => { field.value = slider.value; fill(slider); soon() });
    field.addEventListener("input", () => {
      const value = field.valueAsNumber;
      if (Number.isNaN(value)) return;
      if (value > slider.max) slider.max = value;
      if (value < slider.min) slider.min = value;
      slider.value = value;
      fill(slider);
      soon();
    });
  }
  document.getElementById("estimate").addEventListener("click", event => { event.preventDefault(); ask() });
  form.addEventListener("keydown", event => {  // Enter in a field of a weight asks what it would do, and applies nothing
    if (event.key === "Enter" && event.target.matches(".number-field")) { event.preventDefault(); ask() }
  });
}

/* Nobody sends a form twice by pressing twice. */
for (const one of document.querySelectorAll("form[method=post]")) {
  one.addEventListener("submit", event => {
    if (one.dataset.sent) { event.preventDefault(); return }
    one.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(one => delete one.dataset.sent));

/* What was said after a form was sent is where reading goes on. */
const said = document.querySelector("[role=alert], [role=status]");
if (said) { said.tabIndex = -1; said.focus() }
