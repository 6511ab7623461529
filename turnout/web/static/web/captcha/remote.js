// reCAPTCHA or Turnstile on a form of ours: their answer goes into the form's own field.
const box = document.querySelector("[data-provider]");
const { provider, version, siteKey, action } = box.dataset;
const form = box.closest("form");
const field = form.elements.captcha;
const language = document.documentElement.lang;
const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const options = {
  sitekey: siteKey,
  theme,
  callback: (answer) => { field.value = answer; },
  "expired-callback": () => { field.value = ""; },
};

// The server asks the provider about any answer: if that is away for it, too, it lets a few pass.
const giveUp = () => { field.value = "unavailable"; };

function load(address, then) {
  const script = document.createElement("script");
  script.src = address;
  script.addEventListener("load", then);
  script.addEventListener("error", giveUp);
  document.head.append(script);
}

function askWhenSent() {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await grecaptcha.execute(siteKey, { action }).then(options.callback, giveUp);
    form.submit();
  });
}

if (provider === "turnstile") {
  load("https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit", () => {
    turnstile.render(box, { ...options, action, language, "response-field": false });
  });
} else if (version === "3") {
  load(`https://www.google.com/recaptcha/api.js?render=${siteKey}&hl=${language}`, () => grecaptcha.ready(askWhenSent));
} else {
  load(`https://www.google.com/recaptcha/api.js?render=explicit&hl=${language}`, () => {
    grecaptcha.ready(() => grecaptcha.render(box, options));
  });
}
