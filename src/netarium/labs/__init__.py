"""The labs that ship with netarium, as lab files."""
