"""Market data: calendar, chains, rates, dividends, smiles, volatility indices."""
