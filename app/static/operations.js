// Watch a training, and reload parts of the page that are still being computed. When the service does not answer, the
// page says so: it is never behind by more than two seconds without a word.
(function () {
  "use strict";
  var EVERY_MS = 800, PATIENCE_MS = 900;
  var place = document.querySelector("[data-progress]");

  function later(part) {
    if (part.dataset.lookAgain !== undefined) {
      setTimeout(part.dataset.part ? look : function () { window.location.reload(); }, Number(part.dataset.lookAgain), part);
    }
  }

  function look(part) {
    fetch(part.dataset.part, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(function (text) {
        var found = new DOMParser().parseFromString(text, "text/html").querySelector("[data-part]");
        if (found === null) { return; }
        var busy = found.dataset.lookAgain !== undefined;
        // A part with figures is replaced only by newer figures: the user may be reading it.
        if (!busy || part.querySelector(".facts") === null) { part.replaceWith(found); part = found; }
        later(part);
      })
      .catch(function () { later(part); });
  }

  document.querySelectorAll("[data-look-again]").forEach(later);
  if (place === null) { return; }

  var box = place.querySelector("[data-running]"), idle = place.querySelector("[data-idle]");
  var lost = place.querySelector("[data-connection]");
  var waiting = null, watched = box.hidden ? null : place.querySelector("[data-run]").textContent;

  // What else the page says is of another state now: another release, or other findings.
  function renew() {
    fetch(window.location.pathname, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html");
        document.querySelectorAll("[data-renewed]").forEach(function (part) {
          var other = fresh.querySelector('[data-renewed="' + part.dataset.renewed + '"]');
          if (other !== null && !part.contains(document.activeElement)) { part.replaceWith(document.adoptNode(other)); }
        });
      })
      .catch(function () { lost.textContent = place.dataset.lost; lost.hidden = false; });
  }

  function show(state) {
    lost.hidden = true;
    if (state.state !== place.dataset.state) {
      place.dataset.state = state.state;
      renew();
    }
    box.hidden = state.run === null;
    if (state.run !== null) {
      watched = state.run.id;
      idle.hidden = true;
      place.querySelector("[data-run]").textContent = state.run.id;
      place.querySelector("[data-status]").textContent = state.run.status;
      place.querySelector("[data-step]").textContent = state.run.step;
      place.querySelector("[data-stop]").href = state.run.stop;
    } else if (watched !== null && state.last !== null && state.last.id === watched) {
      idle.hidden = false;
      idle.setAttribute("role", "status");
      idle.textContent = place.dataset.gone.replace("{message}", state.last.said);
      watched = null;
    } else {
      idle.hidden = false;
    }
  }

  function ask() {
    clearTimeout(waiting);
    var patience = new AbortController(), timer = setTimeout(function () { patience.abort(); }, PATIENCE_MS);
    fetch(place.dataset.progress, { headers: { Accept: "application/json" }, signal: patience.signal })
      .then(function (answer) { return answer.ok ? answer.json() : Promise.reject(answer.status); })
      .then(show)
      .catch(function () { lost.textContent = place.dataset.lost; lost.hidden = false; })
      .then(function () { clearTimeout(timer); waiting = setTimeout(ask, document.hidden ? 5 * EVERY_MS : EVERY_MS); });
  }

  waiting = setTimeout(ask, EVERY_MS);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { ask(); } });
})();
