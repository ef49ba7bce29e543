"""How the application is served: one port for agents, API, pages and WebSockets."""
