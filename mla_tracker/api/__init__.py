"""The HTTP side: routes, bodies, authentication, problems and the published contract, on Litestar."""
