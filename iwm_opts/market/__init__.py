"""What the market says: calendar, chains, rates, dividends, smiles, volatility indices."""
