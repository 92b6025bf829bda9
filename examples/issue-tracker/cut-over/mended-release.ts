import { mendedRelease } from '../migrated/pairs/handlers.js';
import { serveRelease } from './release-process.js';

serveRelease(mendedRelease);
