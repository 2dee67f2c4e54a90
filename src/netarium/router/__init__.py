"""The user-space router and NAT: a pure core. Frames and a time in, frames and timers out."""
