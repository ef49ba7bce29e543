"""The bundled agent: speaks the osquery TLS protocol for this computer, or for a simulated fleet."""
