//! One series' samples as compressed columns, and back.
