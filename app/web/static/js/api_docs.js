// Shows the OpenAPI document with Swagger UI. Requests that are tried out go to this server only.
const place = document.getElementById("swagger-ui");

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  // Whoever is logged in tries operations out as themselves; a bearer token, when given, comes first.
  requestInterceptor: (request) => {
    if (place.dataset.csrfToken) request.headers["X-CSRF-Token"] = place.dataset.csrfToken;
    return request;
  },
  presets: [window.SwaggerUIBundle.presets.apis],
});
