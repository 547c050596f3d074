// The API's page: no network but this server, no validator badge.
SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
