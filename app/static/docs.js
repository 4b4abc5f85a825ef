// "Try it" on the page of the API; without scripts the page shows every call all the same.
(function () {
  "use strict";
  document.querySelectorAll("[data-try]").forEach(function (form) {
    var output = form.querySelector("pre");
    form.hidden = false;
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var options = { method: form.dataset.method, headers: {} };
      var address = form.elements.address ? form.elements.address.value : form.dataset.try;
      if (form.elements.body) {
        options.headers["Content-Type"] = "application/json";
        options.body = form.elements.body.value;
      }
      if (form.elements.key && form.elements.key.value) { options.headers.Authorization = "Bearer " + form.elements.key.value; }
      // An address of this service only: what is typed may not lead elsewhere.
      fetch(form.dataset.root + new URL(address, window.location.origin).pathname + new URL(address, window.location.origin).search, options)
        .then(function (answer) {
          return answer.text().then(function (text) {
            try { text = JSON.stringify(JSON.parse(text), null, 2); } catch (error) { /* no JSON: as it is */ }
            output.textContent = answer.status + " " + answer.statusText + "\n" + text;
          });
        })
        .catch(function (error) { output.textContent = String(error); })
        .then(function () { output.hidden = false; });
    });
  });
})();
