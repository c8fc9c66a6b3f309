//! The door: REST, WebSocket and metrics over the engine.
