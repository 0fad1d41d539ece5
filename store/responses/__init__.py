"""What comes back from customers: opens, clicks, bounces, replies and answers to surveys."""
