// Set the theme of the page before it is drawn: the chosen one, or else the system's.
(function () {
  "use strict";
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  var chosen = null;
  try { chosen = localStorage.getItem("aisle-theme"); } catch (error) { /* storage may be forbidden */ }

  function show() {
    var theme = chosen === "dark" || chosen === "light" ? chosen : system.matches ? "dark" : "light";
    document.documentElement.setAttribute("data-theme", theme);
    return theme;
  }

  window.aisleTheme = {
    show: show,
    choose: function (theme) {
      chosen = theme;
      try { localStorage.setItem("aisle-theme", theme); } catch (error) { /* then the choice lasts for this page only */ }
      return show();
    },
    onSystemChange: function (then) { system.addEventListener("change", then); }
  };
  show();
})();
