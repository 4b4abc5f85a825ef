// Text fields with completions: the combobox pattern of the ARIA practices. Arrow keys choose, Enter accepts, Escape
// closes; the number of completions is announced to screen readers. Without scripts they are plain text fields.
(function () {
  "use strict";
  var PAUSE_MS = 120;
  var saying = document.createElement("div");
  saying.className = "visually-hidden";
  saying.setAttribute("role", "status");
  document.body.appendChild(saying);

  document.querySelectorAll("[data-suggest]").forEach(function (field) {
    var list = document.createElement("ul");
    var options = [], chosen = -1, waiting = null, latestRequest = 0;
    list.className = "combo-list";
    list.id = field.id + "-list";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.labels.length ? field.labels[0].textContent : "What may be meant");
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-expanded", "false");
    field.setAttribute("aria-controls", list.id);
    field.parentNode.appendChild(list);

    function close() {
      clearTimeout(waiting);
      latestRequest += 1; // ignore pending answers
      list.hidden = true;
      chosen = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }

    function choose(at) {
      chosen = (at + options.length) % options.length;
      Array.prototype.forEach.call(list.children, function (option, place) {
        option.setAttribute("aria-selected", String(place === chosen));
      });
      field.setAttribute("aria-activedescendant", list.children[chosen].id);
      list.children[chosen].scrollIntoView({ block: "nearest" });
    }

    function take(at) {
      var option = options[at];
      if (field.hasAttribute("data-suggest-go")) { window.location.assign(option.href); return; }
      field.value = option.id;
      saying.textContent = (option.title || option.id) + " taken";
      close();
    }

    function show(found) {
      options = found;
      chosen = -1;
      list.replaceChildren.apply(list, found.map(function (each, at) {
        var option = document.createElement("li");
        option.className = "combo-option";
        option.id = list.id + "-" + at;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.append(each.title || each.id);
        if (each.title && each.title !== each.id) {
          var small = document.createElement("small");
          small.textContent = each.category ? each.category + " · " + each.id : each.id;
          option.append(small);
        }
        option.addEventListener("mousedown", function (event) { event.preventDefault(); }); // the field keeps the focus
        option.addEventListener("click", function () { take(at); });
        return option;
      }));
      field.removeAttribute("aria-activedescendant");
      list.hidden = !found.length;
      field.setAttribute("aria-expanded", String(found.length > 0));
      saying.textContent = found.length ? found.length + (found.length === 1 ? " suggestion" : " suggestions")
        : "No suggestion";
    }

    function ask() {
      var text = field.value, request = latestRequest += 1;
      if (!text.trim()) { close(); return; }
      fetch(field.dataset.suggest + "?q=" + encodeURIComponent(text), { headers: { Accept: "application/json" } })
        .then(function (answer) { return answer.ok ? answer.json() : []; })
        .then(function (found) { if (request === latestRequest) { show(found); } })
        .catch(function () { if (request === latestRequest) { close(); } });
    }

    field.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(ask, PAUSE_MS);
    });
    field.addEventListener("blur", close);
    field.addEventListener("keydown", function (event) {
      var step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && list.hidden) { event.preventDefault(); ask(); return; }
      if (list.hidden) { return; }
      if (step) { event.preventDefault(); choose(chosen < 0 && step < 0 ? options.length - 1 : chosen + step); }
      else if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); take(chosen); }
      else if (event.key === "Escape") { event.preventDefault(); close(); }
    });
  });
})();
