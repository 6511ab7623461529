// Questions that are asked only of some: hidden from all others. The server decides again, and alone where this is off.
const asked = [...document.querySelectorAll("[data-condition]")].map((field) => ({
  field,
  form: field.closest("form"),
  condition: Object.entries(JSON.parse(field.dataset.condition)),
}));

function answers(form, name) {
  const hidden = form.querySelector(`[name="${CSS.escape(name)}"]`)?.closest("[data-condition]")?.hidden;
  return hidden ? [] : new FormData(form).getAll(name);
}

function update() {
  // In their order: one may depend on one that depends on another.
  for (const { field, form, condition } of asked) {
    field.hidden = !condition.every(([name, values]) => answers(form, name).some((answer) => values.includes(answer)));
  }
}

addEventListener("input", update);
addEventListener("pageshow", update);
update();
