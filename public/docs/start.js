/* global SwaggerUIBundle */
// what an earlier version of this page kept; a token lives as long as the page now
try {
  localStorage.removeItem("authorized");
} catch {
  // a browser that keeps nothing has kept nothing
}
window.onload = () => {
  SwaggerUIBundle({
    url: "/api/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null,
  });
};
