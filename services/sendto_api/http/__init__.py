"""HTTP as all resources of the API speak it: problems, bodies, ETags, request ids, repeated requests."""
