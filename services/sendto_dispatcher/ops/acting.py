"""Everything that ops can do, put together once for the API and the console."""

from sendto.runtime.database import Database
from sendto.runtime.notify import Notifier
from sendto.runtime.supervisor import Supervisor
from sendto_dispatcher.ops.actions import Actions
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.rejected_actions import RejectedActions
from sendto_dispatcher.ops.replayer import Replayer
from sendto_dispatcher.ops.rerouter import Rerouter
from sendto_dispatcher.ops.route_actions import RouteActions


class Acting:
    """The actions, and what carries out those that take longer."""

    def __init__(self, database: Database, steps: Database, current: Current, notify: Notifier) -> None:
        self.actions = Actions(database, current)
        self.routes = RouteActions(database, current)
        self.rejected = RejectedActions(database, current)
        self.replayer = Replayer(steps, current, notify)
        self.rerouter = Rerouter(steps, current, notify)

    def start(self, supervisor: Supervisor) -> None:
        """Start the loops."""
        supervisor.start("ops.replays", self.replayer.run)
        supervisor.start("ops.routes", self.rerouter.run)
