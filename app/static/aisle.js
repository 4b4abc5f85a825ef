/* Aisle in a shop's own page: draws lists, keeps the history of an anonymous session, and tells what visitors do.
   <script src="ADDRESS OF AISLE/static/aisle.js" data-key="PUBLIC KEY" defer></script>
   <ul data-aisle="basket" data-aisle-n="4" hidden><template><li><a data-href="/p/{product_id}">{title}</a></li></template></ul>
   No cookie; without the service the page stays as it is. */
(function () {
  "use strict";
  var me = document.currentScript, base = me.src.replace(/\/static\/.*/, ""), key = me.dataset.key || "";
  var WAIT_MS = 2000, KEPT = 50, memory = {};

  function read(name, usual) {
    try { return JSON.parse(localStorage.getItem("aisle." + name)) || usual; } catch (e) { return memory[name] || usual; }
  }
  function write(name, value) {
    memory[name] = value;
    try { localStorage.setItem("aisle." + name, JSON.stringify(value)); } catch (e) { /* then for this page only */ }
  }

  function session() {
    var id = read("session", "");
    if (!id) {
      var bytes = crypto.getRandomValues(new Uint8Array(16));
      id = "session-" + Array.from(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
      write("session", id);
    }
    return id;
  }

  function call(path, body) {
    var patience = new AbortController(), timer = setTimeout(function () { patience.abort(); }, WAIT_MS);
    return fetch(base + path, {
      method: "POST", body: JSON.stringify(body), credentials: "omit", signal: patience.signal,
      headers: { "Content-Type": "application/json", Authorization: "Bearer " + key }
    }).then(function (answer) {
      clearTimeout(timer);
      return answer.ok ? answer.json().then(function (found) {
        return { found: found, request: answer.headers.get("X-Request-Id") };
      }) : Promise.reject(new Error("aisle answers " + answer.status));
    });
  }

  /* Events that could not be sent wait, and go with the next ones; event_id makes each count once. */
  function send(events) {
    var all = read("waiting", []).concat(events).slice(-KEPT);
    write("waiting", all);
    if (!all.length) { return; }
    var body = new Blob([JSON.stringify(all)], { type: "application/json" });
    if (document.visibilityState === "hidden" && navigator.sendBeacon) {
      navigator.sendBeacon(base + "/events?key=" + encodeURIComponent(key), body);
      return;  /* A beacon does not say whether it arrived, so they wait for an answer too. */
    }
    call("/events", all).then(function () {
      var sent = all.map(function (e) { return e.event_id; });
      write("waiting", read("waiting", []).filter(function (e) { return sent.indexOf(e.event_id) < 0; }));
    }).catch(function () { /* they wait */ });
  }

  function tell(kind, product, more) {
    var event = Object.assign({
      user_id: session(), product_id: String(product), kind: kind, at: Math.floor(Date.now() / 1000),
      event_id: session().slice(8) + "-" + Date.now().toString(36) + "-" + Math.random().toString(36).slice(2, 8)
    }, more || {});
    var from = read("shown", {})[product];
    if (from && !event.request_id) { event.request_id = from; }
    if (kind === "cart" || kind === "purchase") {
      write("history", read("history", []).concat([event.product_id]).slice(-KEPT));
    }
    send([event]);
  }

  function fill(text, place) {
    return text.replace(/\{(\w+)\}/g, function (_, name) { return place[name] === null || place[name] === undefined ? "" : place[name]; });
  }

  /* Values become text or attributes, never markup; an address may not be a script. */
  function drawn(template, place) {
    var part = template.content.cloneNode(true), walker = document.createTreeWalker(part, 5), node;
    while ((node = walker.nextNode())) {
      if (node.nodeType === 3) { node.data = fill(node.data, place); continue; }
      Array.from(node.attributes).forEach(function (each) {
        var name = each.name.replace(/^data-(?=href$|src$|alt$)/, ""), value = each.value;
        if (value.indexOf("{") < 0 || /^on/.test(name)) { return; }
        value = value.replace(/\{(\w+)\}/g, function (_, field) {
          var it = fill("{" + field + "}", place);
          return value === "{" + field + "}" ? it : encodeURIComponent(it);
        });
        if (/^(href|src)$/.test(name) && /^\s*(javascript|data|vbscript):/i.test(value)) { return; }
        node.setAttribute(name, value);
      });
    }
    return part;
  }

  function draw(element) {
    var template = element.querySelector("template"), asked = {
      user_id: session(), history: read("history", []), n: Number(element.dataset.aisleN || 6), detail: true
    };
    if (element.dataset.aisle) { asked.placement = element.dataset.aisle; }
    if (element.dataset.aisleExclude) { asked.exclude = element.dataset.aisleExclude.split(","); }
    return call("/recommend", asked).then(function (answer) {
      var shown = read("shown", {});
      element.querySelectorAll(":scope > [data-aisle-product]").forEach(function (old) { old.remove(); });
      answer.found.recommendations.forEach(function (place) {
        var part = drawn(template, place), first = part.firstElementChild;
        first.setAttribute("data-aisle-product", place.product_id);
        first.addEventListener("click", function () { tell("click", place.product_id, { request_id: answer.request }); });
        element.appendChild(part);
        shown[place.product_id] = answer.request;
      });
      write("shown", Object.fromEntries(Object.entries(shown).slice(-4 * KEPT)));
      element.hidden = !answer.found.recommendations.length;
      return answer.found.recommendations;
    }).catch(function () { return []; /* the page stays as it was */ });
  }

  window.aisle = {
    draw: draw,
    view: function (product) { tell("view", product); },
    cart: function (product) { tell("cart", product); },
    purchase: function (product, quantity) { tell("purchase", product, { value: quantity || 1 }); }
  };
  function start() { document.querySelectorAll("[data-aisle]").forEach(draw); send([]); }
  if (document.readyState === "loading") { document.addEventListener("DOMContentLoaded", start); } else { start(); }
  document.addEventListener("visibilitychange", function () { if (document.visibilityState === "hidden") { send([]); } });
})();
