//! The adapter with byte buffers and a wallet in memory.
