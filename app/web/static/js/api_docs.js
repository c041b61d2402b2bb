// Shows the OpenAPI document with Swagger UI. Requests that are tried out go to this server only.
const place = document.getElementById("swagger-ui");

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  presets: [window.SwaggerUIBundle.presets.apis],
});
