//! The server without its door: the pool, the gateway, the recorder and the store joined, so that every change is
//! stored before it is told. The API asks here and nowhere else.
