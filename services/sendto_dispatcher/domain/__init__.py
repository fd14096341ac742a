"""Pure decisions of the dispatcher: versions, routes, what a lane needs next, what an outcome means for it."""
