"""Pure decisions of the dispatcher: versions, folding, routing, what a lane needs next, what an outcome means for it."""
