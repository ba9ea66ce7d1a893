//! Hugging Face's hub: where its models lie on this machine and, with the feature `network`, how they get here.
//!
//! The only home of the network. Nothing here reads the environment: endpoint, token and folders come from
//! the caller. What is fetched is named by its digest, and no byte gets a name before that digest was
//! checked; a server is never trusted with more than being there.
