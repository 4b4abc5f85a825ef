// The button that switches between light and dark, hidden without scripts; and the removal of pictures that cannot be
// loaded, so that the tile behind them is visible.
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

  function isBroken(picture) { return picture.complete && !picture.naturalWidth; }

  document.querySelectorAll(".tile img").forEach(function (picture) {
    if (isBroken(picture)) { picture.remove(); }
    picture.addEventListener("error", function () { picture.remove(); });
  });
})();
