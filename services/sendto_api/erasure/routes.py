"""`/v3/erasures`, and the same below `/api`. Whom to forget stands in the body, never in an address."""

from starlette.requests import Request
from starlette.responses import Response

from sendto_api.erasure import documentation
from sendto_api.erasure.schemas import ErasureBody, FinishBody
from sendto_api.erasure.service import ErasureService
from sendto_api.http.calls import Call
from sendto_api.http.requests import Site, WriteCall
from sendto_api.http.turns import Turn
from sendto_api.tokens.permissions import CUSTOMER_WRITE, ORDERS_WRITE


def erasure_routes(site: Site, prefix: str) -> list[Call]:
    """Forget a person."""
    path = f"{prefix}/erasures"

    async def allowed(request: Request) -> WriteCall:
        call = await site.write(request, CUSTOMER_WRITE)
        call.caller.require(ORDERS_WRITE)
        return call

    def service(turn: Turn, call: WriteCall) -> ErasureService:
        return ErasureService(turn, call.caller, site.event_settings)

    async def erase(request: Request) -> Response:
        call = await allowed(request)
        body = call.model(ErasureBody)
        return await call.run(lambda turn: service(turn, call).erase(body))

    async def finish(request: Request) -> Response:
        call = await allowed(request)
        body = call.model(FinishBody)
        return await call.run(lambda turn: service(turn, call).finish(body.erasures))

    return [
        Call("POST", path, erase, documentation.ERASE),
        Call("POST", f"{path}/finish", finish, documentation.FINISH),
    ]
