// The button between light and dark; hidden where there are no scripts, as it could do nothing.
(function () {
  "use strict";
  var button = document.querySelector("[data-theme-switch]");

  function say(theme) { button.setAttribute("aria-pressed", String(theme === "dark")); }

  button.hidden = false;
  say(window.aisleTheme.show());
  button.addEventListener("click", function () {
    say(window.aisleTheme.choose(button.getAttribute("aria-pressed") === "true" ? "light" : "dark"));
  });
  window.aisleTheme.onSystemChange(function () { say(window.aisleTheme.show()); });
})();
