// Reload the data profile's part of the page until the new profile is there.
(function () {
  "use strict";
  function look(part) {
    fetch(part.dataset.part, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(function (text) {
        var found = new DOMParser().parseFromString(text, "text/html").querySelector("[data-part]");
        if (found === null) { return; }
        var busy = found.dataset.lookAgain !== undefined;
        // A part with figures is replaced only by newer figures: the user may be reading it.
        if (!busy || part.querySelector(".facts") === null) { part.replaceWith(found); part = found; }
        wait(part);
      })
      .catch(function () { wait(part); });
  }
  function wait(part) {
    if (part.dataset.lookAgain !== undefined) {
      setTimeout(look, Number(part.dataset.lookAgain), part);
    }
  }
  document.querySelectorAll("[data-look-again]").forEach(wait);
})();
