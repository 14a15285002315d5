"use strict";

// The description is fetched from the relay that serves this page; nothing is fetched
// from, or sent to, any other host. A token stays in this page's memory.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
});
