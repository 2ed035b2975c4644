// In a file of its own, so that the page's policy can forbid inline scripts.
SwaggerUIBundle({
  url: "openapi.json", // relative: the service may stand behind a path prefix
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the default sends the description to a public site
  presets: [SwaggerUIBundle.presets.apis],
});
