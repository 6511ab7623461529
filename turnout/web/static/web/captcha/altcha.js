// ALTCHA on a form of ours: it works while the form is filled in, and the form waits for it.
import "../vendor/altcha-3.2.2/altcha.min.js";

const VENDOR = "../vendor/altcha-3.2.2";
const { algorithms } = globalThis.$altcha;
algorithms.set("PBKDF2/SHA-256", () => new Worker(new URL(`${VENDOR}/pbkdf2.js`, import.meta.url)));
const words = { ar: "ar", fr: "fr-fr" }[document.documentElement.lang];
if (words) await import(`${VENDOR}/${words}.js`);

for (const widget of document.querySelectorAll("altcha-widget")) {
  const form = widget.closest("form");
  let pressed = null;
  form.addEventListener("submit", (event) => {
    if (widget.getState() === "verified") return;
    event.preventDefault();
    pressed = event.submitter;
    if (widget.getState() !== "verifying") widget.verify();
  });
  widget.addEventListener("statechange", ({ detail }) => {
    // The widget writes its answer into the form after it has told us.
    if (detail.state === "verified" && pressed) setTimeout(() => form.requestSubmit(pressed));
    else if (detail.state !== "verifying") pressed = null;
  });
}
