"""`/docs`: the OpenAPI document to read and to try out, shown by Swagger UI. The page loads nothing from elsewhere."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sendto API</title>
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
<link rel="icon" href="/docs/files/favicon-32x32.png">
</head>
<body>
<div id="reference"><noscript>This page needs JavaScript; the document itself is at /openapi.json.</noscript></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without `validatorUrl: null` it would show the document to a service elsewhere.
_START = b"""SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", validatorUrl: null, deepLinking: true, displayRequestDuration: true,
  tryItOutEnabled: false, persistAuthorization: false, defaultModelsExpandDepth: 0,
})
"""
_ONLY_OURS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}


def reference_routes(document: dict[str, Any]) -> list[BaseRoute]:
    """The document at `/openapi.json`, and the page that shows it."""
    content = json.dumps(document, ensure_ascii=False).encode()

    async def openapi(_: Request) -> Response:
        return Response(content, media_type="application/json")

    async def page(_: Request) -> Response:
        return Response(_PAGE, media_type="text/html", headers=_ONLY_OURS)

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    return [
        Route("/openapi.json", openapi),
        Route("/docs", page),
        Route("/docs/start.js", start),
        Mount("/docs/files", StaticFiles(packages=[("fastapi_swagger", "resources")])),
    ]
