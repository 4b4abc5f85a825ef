// While the shop's figures are being counted, that part of the page is asked for again until they are there.
(function () {
  "use strict";
  function look(part) {
    fetch(part.dataset.part, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(function (text) {
        var found = new DOMParser().parseFromString(text, "text/html").querySelector("[data-part]");
        if (found === null) { return; }
        var busy = found.dataset.lookAgain !== undefined;
        // A part that is being read, or in which somebody is, is replaced only for something new.
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
