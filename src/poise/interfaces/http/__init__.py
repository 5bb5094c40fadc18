"""HTTP: carries bytes between callers and the handlers of `serving`; it decides nothing about answers.

`app` wires routes and guards into one ASGI application, `server` runs it on uvicorn, `problem` makes every failure an
RFC 9457 document, `openapi` describes all of it from the release's contract.
"""
