// Swagger UI over /openapi.json. Its select boxes get names for screen readers. Deep links are off, as they would be
// links inside buttons, which a keyboard cannot reach.
window.addEventListener("load", () => {
  const place = document.getElementById("swagger-ui");
  const names = { servers: "Server", "examples-select-element": "Example", "content-type": "Media type" };

  function name() {
    place.querySelectorAll("select:not([aria-label])").forEach((list) => {
      const known = Object.keys(names).find((each) => list.id === each || list.classList.contains(each));
      list.setAttribute("aria-label", known ? names[known] : "Choice");
    });
  }

  new MutationObserver(name).observe(place, { childList: true, subtree: true });
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: false,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
