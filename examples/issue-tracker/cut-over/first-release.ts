import { firstRelease } from '../migrated/pairs/handlers.js';
import { serveRelease } from './release-process.js';

serveRelease(firstRelease);
