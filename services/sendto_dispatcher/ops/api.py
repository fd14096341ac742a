"""The ops API: what ops and the commands ask of the dispatcher, with tokens of its own. Any replica answers."""

from fastapi import APIRouter

from sendto.runtime.database import Database
from sendto_dispatcher.ops.acting import Acting
from sendto_dispatcher.ops.audit import Audits, audit_routes
from sendto_dispatcher.ops.change_routes import change_routes
from sendto_dispatcher.ops.check import check_routes
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.lane_routes import lane_routes
from sendto_dispatcher.ops.order_routes import order_routes
from sendto_dispatcher.ops.overview import Glance
from sendto_dispatcher.ops.plan import plan_routes
from sendto_dispatcher.ops.provider_routes import provider_routes
from sendto_dispatcher.ops.rejected_routes import rejected_routes
from sendto_dispatcher.ops.replay_routes import replay_routes
from sendto_dispatcher.ops.route_routes import route_routes
from sendto_dispatcher.ops.source_routes import source_routes


def ops_routes(database: Database, current: Current, glance: Glance, acting: Acting) -> APIRouter:
    """The routes under `/ops`; `current` tells the configuration that this process uses."""
    doors, actions = Doors(database), acting.actions
    routes = APIRouter(prefix="/ops")
    routes.include_router(order_routes(database, doors, current))
    routes.include_router(lane_routes(database, doors, current))
    routes.include_router(provider_routes(database, doors, current, glance, actions))
    routes.include_router(plan_routes(database, doors, current))
    routes.include_router(check_routes(doors, current))
    routes.include_router(audit_routes(Audits(database, current), doors))
    routes.include_router(replay_routes(database, doors, actions, acting.replayer))
    routes.include_router(route_routes(database, doors, current, acting.routes, acting.rerouter))
    routes.include_router(rejected_routes(database, doors, acting.rejected))
    routes.include_router(source_routes(database, doors))
    routes.include_router(change_routes(database, doors))
    return routes
