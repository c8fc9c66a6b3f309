//! What of the loads has goals, and so serves as a test.

mod channels;
mod under_load;
